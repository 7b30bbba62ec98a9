// Before the first paint, so that the page does not flash: the chosen colours, if any.
try {
  const theme = localStorage.getItem("studio.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {} // nothing may be kept here
