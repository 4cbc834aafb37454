// The shell of every page: each behaviour is a module of its own. What others need stands on top,
// for collectstatic would read a line without names and a later one with names as one statement.
export { isWriting } from "./keys.js";
export { say, withdrawErrors, withdrawUndo } from "./notices.js";
import "./answers.js";
import "./live.js";
import "./menus.js";
import "./news.js";
import "./palette.js";
import "./terms.js";
import "./theme-switch.js";
