/// <reference types="vitest/config" />
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// In development Vite serves the page and hands everything else to a running DERMS.
const backend = process.env.DERMS_URL ?? "http://127.0.0.1:8000";
const sockets = process.env.DERMS_SOCKET ?? backend;

export default defineConfig(({ command }) => ({
  base: command === "build" ? "/static/" : "/",
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: { target: "es2023", assetsInlineLimit: 0, reportCompressedSize: true },
  server: {
    host: "127.0.0.1",
    proxy: {
      "/api": backend,
      "/login": backend,
      "/logout": backend,
      "/ws": { target: sockets, ws: true },
    },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
    testTimeout: 30_000,
    env: { TZ: "America/New_York" },
  },
}));
