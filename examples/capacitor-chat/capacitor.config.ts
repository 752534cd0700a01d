// The native shells' configuration (npx cap add android, npx cap add ios).
import type { CapacitorConfig } from '@capacitor/cli';

const config: CapacitorConfig = {
  appId: 'example.mixweb.chat',
  appName: 'mixweb chat',
  webDir: 'www',
  // The pages' origins, capacitor://localhost and https://localhost, are the defaults; both are
  // secure contexts, which WebAssembly workers and storage need.
};

export default config;
