// Leaves in a style sheet the rules that our pages may use: `node slim.cjs SHEET`.
const fs = require("node:fs");
const postcss = require("postcss");
const { PurgeCSS } = require("purgecss");

const content = [
  "templates/**/*.html",
  "static/js/**/*.js",
  "{backlog,dataquality,mlscrum,sprints}/**/*.py",
];

// Our pages use none of what Tabler styles by `:has()`, and on each change browsers ask all of it.
function withoutHas(css) {
  const sheet = postcss.parse(css);
  sheet.walkRules((rule) => {
    const left = rule.selectors.filter((selector) => !selector.includes(":has("));
    if (left.length) rule.selectors = left;
    else rule.remove();
  });
  return sheet.toString();
}

(async () => {
  const [sheet] = process.argv.slice(2);
  const [slim] = await new PurgeCSS().purge({ content, css: [sheet] });
  fs.writeFileSync(sheet, withoutHas(slim.css));
})();
