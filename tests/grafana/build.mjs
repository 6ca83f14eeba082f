/** Bundles Grafana's packages and `front.ts` into `out.cjs`, to be run in Node. */
import { build } from 'esbuild';

/** What speaks the router's old dialect gets the old router: Grafana ships both, and npm has one by that name. */
const routers = {
  name: 'routers',
  setup(bundle) {
    bundle.onResolve({ filter: /^react-router-dom$/ }, (asked) => {
      const old = asked.importer.includes('v5-compat');
      return old ? bundle.resolve('react-router-dom-5', { kind: asked.kind, resolveDir: import.meta.dirname }) : undefined;
    });
  },
};

await build({
  bundle: true,
  define: { 'process.env.NODE_ENV': '"production"' },
  entryPoints: ['front.ts'],
  format: 'cjs',
  loader: { '.css': 'empty', '.svg': 'text', '.ttf': 'empty' },
  logLevel: 'error',
  outfile: 'out.cjs',
  platform: 'browser',
  plugins: [routers],
});
