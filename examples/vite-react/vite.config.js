import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Nothing here is for the packages: worker and module are inlined in their default entry.
export default defineConfig({ plugins: [react()], base: './', build: { target: 'es2022' } });
