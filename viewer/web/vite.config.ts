import { defineConfig } from "vitest/config";

// The page is mounted below a path that isn't known, under a policy that allows no inline script, no inline style and no
// data: script. Thus all is relative, and nothing is inlined.
export default defineConfig({
  base: "./",
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    cssCodeSplit: false,
    sourcemap: false,
    reportCompressedSize: false,
    rollupOptions: {
      output: {
        entryFileNames: "assets/[name]-[hash].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: "assets/[name]-[hash][extname]",
      },
    },
  },
  test: { include: ["src/**/*.test.ts", "dev/**/*.test.ts"], environment: "node" },
});
