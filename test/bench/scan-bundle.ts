import path from 'node:path'
import { build } from 'vite'

const project = path.resolve(import.meta.dirname, '../..')
const processes = ['test/bench/scan-subject', 'cli/workers/inotify-thread', 'cli/workers/listing-thread']

/**
 * Bundles the scanner into a directory, as the desktop application ships it: what Node needs to strip types from
 * TypeScript, in each thread, is neither the scanner's time nor its memory. Returns the process's file.
 */
export async function bundleScanner(directory: string): Promise<string> {
  await build({
    root: project,
    configFile: false,
    logLevel: 'error',
    build: {
      ssr: true,
      outDir: directory,
      target: 'node20.18',
      minify: false,
      rolldownOptions: {
        // Native modules are loaded from node_modules, which a link beside the bundle leads to.
        external: [/^koffi$/, /^@photostructure\/sqlite$/],
        input: Object.fromEntries(processes.map((name) => [name, path.join(project, `${name}.ts`)])),
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
    ssr: { noExternal: true },
  })
  return path.join(directory, `${processes[0]}.js`)
}
