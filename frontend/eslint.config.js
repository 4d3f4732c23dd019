import { readdirSync } from "node:fs";
import importX, { createNodeResolver } from "eslint-plugin-import-x";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const features = readdirSync("src/features");

// The ladder: app > features > components > live, api > lib. Nothing below imports above,
// and no feature knows another one; what two of them need moves down.
const above = {
  lib: ["app", "features", "components", "live", "api"],
  api: ["app", "features", "components", "live"],
  live: ["app", "features", "components"],
  components: ["app", "features"],
  features: ["app"],
};

const zones = [
  ...Object.entries(above).flatMap(([target, from]) =>
    from.map((room) => ({ target: `./src/${target}`, from: `./src/${room}` })),
  ),
  ...features.map((feature) => ({
    target: `./src/features/${feature}`,
    from: "./src/features",
    except: [`./${feature}`],
    message: "A feature never imports another feature.",
  })),
];

export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/api/schema.d.ts"] },
  ...tseslint.configs.recommended,
  {
    files: ["src/**/*.{ts,tsx}"],
    plugins: { "import-x": importX, "react-hooks": reactHooks },
    settings: {
      "import-x/resolver-next": [
        createNodeResolver({
          extensions: [".ts", ".tsx", ".js"],
          alias: { "@": [`${import.meta.dirname}/src`] },
        }),
      ],
      // Without this the rules see only JavaScript and pass everything.
      "import-x/parsers": { "@typescript-eslint/parser": [".ts", ".tsx"] },
    },
    rules: {
      ...reactHooks.configs.recommended.rules,
      "import-x/no-restricted-paths": ["error", { zones }],
      "import-x/no-cycle": "error",
      "import-x/no-unresolved": ["error", { ignore: ["\\.css$", "^vitest"] }],
      "@typescript-eslint/consistent-type-imports": "error",
      "no-restricted-globals": [
        "error",
        { name: "WebSocket", message: "Only src/live/socket.ts opens a WebSocket." },
        { name: "fetch", message: "Only src/api/client.ts talks HTTP." },
      ],
      complexity: ["error", 10],
      "max-lines": ["error", 400],
    },
  },
  // In a screen every conditional part counts; more than this is a component too many.
  { files: ["src/**/*.tsx"], rules: { complexity: ["error", 20] } },
  { files: ["src/live/socket.ts", "src/api/client.ts"], rules: { "no-restricted-globals": "off" } },
);
