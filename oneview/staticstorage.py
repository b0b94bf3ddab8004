"""Static files of production: hashed names, compressed ahead of time."""

from django.contrib.staticfiles.storage import HashedFilesMixin
from whitenoise.storage import CompressedManifestStaticFilesStorage

_IMPORTS = HashedFilesMixin._js_module_import_aggregation_patterns[1]  # type: ignore[attr-defined]


class HashedStorage(CompressedManifestStaticFilesStorage):
    """Hashed names also inside the import statements of our own modules; third-party scripts would break on it.

    A pass for each step of the longest chain of imports. Modules that import each other in a circle never get a name.
    """

    patterns = (*HashedFilesMixin.patterns, ("js/*.js", _IMPORTS))
    max_post_process_passes = 20
