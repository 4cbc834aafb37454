// The planning page: one sprint beside the backlog.
import { takeUpSprints } from "./lists.js";

takeUpSprints(document.getElementById("planned"), { first: true });
