// The sprints beside the backlog: fetched when they show, folded as the person left them.
import { ready, takeUpSprints } from "./lists.js";

const root = document.querySelector("[data-beside=Sprints]");
const wide = window.matchMedia("(min-width: 1200px)");
const key = () => `beside-${wide.matches ? "wide" : "narrow"}`;

function kept() {
  try {
    return localStorage.getItem(key());
  } catch {
    return null; // storage is forbidden here
  }
}

function keep() {
  try {
    localStorage.setItem(key(), root.open ? "open" : "folded");
  } catch {
    // storage is forbidden here
  }
}

function fold() {
  root.open = (kept() ?? (wide.matches ? "open" : "folded")) === "open";
  if (root.open) ready();
}

if (root) {
  takeUpSprints(root);
  fold();
  wide.addEventListener("change", fold);
  root.querySelector("summary").addEventListener("click", () => setTimeout(keep));
  root.addEventListener("toggle", () => root.open && ready());
}
