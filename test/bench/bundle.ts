import { symlinkSync } from 'node:fs'
import path from 'node:path'
import { build } from 'vite'

const project = path.resolve(import.meta.dirname, '../..')

/**
 * Bundles processes and threads (files of the project, without ".ts") into a directory, as the desktop application
 * ships them: what Node needs to strip types from TypeScript, in each process and each thread, is neither the
 * product's time nor its memory. Each is at its own path, with ".js".
 */
export async function bundle(directory: string, files: readonly string[]): Promise<void> {
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
        // Native modules are loaded from node_modules, which a link in the bundle leads to.
        external: [/^koffi$/, /^@photostructure\/sqlite$/, /^msgpackr-extract$/, /^ssh2$/, /^@napi-rs\//],
        input: Object.fromEntries(files.map((name) => [name, path.join(project, `${name}.ts`)])),
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
    ssr: { noExternal: true },
  })
  symlinkSync(path.join(project, 'node_modules'), path.join(directory, 'node_modules'))
}
