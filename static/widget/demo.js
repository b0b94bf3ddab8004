// What a site does when its own user signs in and out.
const account = document.querySelector("#help");
const who = document.querySelector("#who");

document.querySelector("#sign-in").addEventListener("click", () => {
  window.OneView.identify({ token: account.dataset.jwt });
  who.textContent = "You are signed in.";
});
document.querySelector("#sign-out").addEventListener("click", () => {
  window.OneView.logout();
  who.textContent = "You are signed out.";
});
