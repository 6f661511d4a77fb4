// Shows one of the two documents: ?of=queries, which is the default, or ?of=commands.
"use strict";

const documents = { queries: "/schema/openapi.json", commands: "/schema/commands/openapi.json" };
const asked = new URLSearchParams(location.search).get("of");
const shown = Object.hasOwn(documents, asked) ? asked : "queries";

document.querySelector(`[data-of="${shown}"]`).setAttribute("aria-current", "page");
document.querySelector("a.file").href = documents[shown];

SwaggerUIBundle({
  url: documents[shown],
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "none",
  defaultModelsExpandDepth: 0,
  filter: true,
  validatorUrl: null,
});
