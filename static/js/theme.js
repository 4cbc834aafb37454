// The theme before the first paint: the person's choice, else the last one here, else the system's.
(() => {
  const page = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => page.dataset.themeChoice || remembered() || "system";
  const remembered = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is forbidden here
    }
  };
  const show = () => {
    const dark = chosen() === "dark" || (chosen() === "system" && system.matches);
    page.dataset.bsTheme = dark ? "dark" : "light";
  };
  const keep = () => {
    try {
      if (page.dataset.themeChoice) localStorage.setItem("theme", page.dataset.themeChoice);
    } catch {
      // the server remembers it anyway
    }
  };
  system.addEventListener("change", show);
  new MutationObserver(() => {
    keep();
    show();
  }).observe(page, { attributeFilter: ["data-theme-choice"] });
  keep();
  show();
})();
