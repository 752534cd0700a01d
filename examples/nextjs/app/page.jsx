import { Mixnet } from './mixnet.jsx';

/** Rendered on the server or at build time, where there is no user to protect. */
export default function Page() {
  return (
    <main>
      <h1>Next.js</h1>
      <Mixnet />
    </main>
  );
}
