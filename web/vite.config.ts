import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [svelte()],
  // Relative, so that the page also works below a path prefix of a reverse proxy.
  base: './',
  build: {
    // light-dark() and :has() stay as written.
    target: ['chrome123', 'firefox121', 'safari17.5'],
    modulePreload: { polyfill: false },
    // A data: URL would need its own word in the content security policy.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: {
    proxy: { '/api': process.env['RHAPSODE_URL'] ?? 'http://127.0.0.1:9080' },
  },
  test: { include: ['src/**/*.test.ts'] },
});
