// The mock API behind Vite's development server: edit a screen and see it.

import { createServer } from 'vite';
import { serve } from './serve.mjs';

const PORT = 9081;
await serve(PORT);
process.env.RHAPSODE_URL = `http://127.0.0.1:${PORT}`;
const vite = await createServer();
await vite.listen();
vite.printUrls();
console.log('  user admin, password rhapsode');
