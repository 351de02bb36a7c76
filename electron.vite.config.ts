import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'electron-vite'
import { commitAtBuild, textsOnDemand } from './build/setup/bundle.mjs'
import { NONCE_PLACE } from './core/agent/web/page-files.ts'

/**
 * Native modules, and what looks for files beside itself: loaded from node_modules. All else is bundled, since
 * one file is read much faster than hundreds when the application starts.
 */
const external = [
  /^koffi(\/|$)/,
  /^@koromix\//,
  /^@photostructure\/sqlite(\/|$)/,
  /^@napi-rs\//,
  /^msgpackr-extract$/,
  /^ssh2$/,
  /^fsevents$/,
  /\.node$/,
]

// The oldest Electron that runs this code is 33: Node.js 20.18 and Chromium 130.
const nodeTarget = 'node20.18'
const chromeTarget = 'chrome130'

const here = import.meta.dirname

/** One entry for each worker, so that it ends at out/main/workers/NAME.js, where its starter looks for it. */
function workerEntries(): Record<string, string> {
  const directory = path.join(here, 'electron/workers')
  if (!existsSync(directory)) return {}
  const entries = readdirSync(directory)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => [`workers/${name.slice(0, -'.ts'.length)}`, path.join(directory, name)] as const)
  return Object.fromEntries(entries)
}

/** The page and its sandboxed preload script have no Node.js: with a module of it the window stays blank. */
const noNode = {
  name: 'no-node',
  renderChunk(code: string, { moduleIds }: { moduleIds: readonly string[] }) {
    const required = /\brequire\(["'`](?!electron["'`])[^)]*\)/.exec(code)?.[0]
    const emptied = moduleIds.find((id) => id.includes('__vite-browser-external'))
    if (required || emptied)
      throw new Error(`The window cannot have ${required ?? emptied}: see imports of core.`)
  },
}

/** Parsed as a string: as object literals the dictionaries would take 70 ms more. */
const json = { stringify: true, namedExports: false } as const

export default defineConfig({
  main: {
    plugins: [textsOnDemand, commitAtBuild],
    build: {
      externalizeDeps: false,
      target: nodeTarget,
      minify: false,
      sourcemap: true,
      rolldownOptions: {
        external,
        input: { index: path.join(here, 'electron/main/index.ts'), ...workerEntries() },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  preload: {
    plugins: [noNode],
    build: {
      // A sandboxed preload script can require electron alone: everything else must be in the one file.
      externalizeDeps: false,
      target: nodeTarget,
      minify: true,
      sourcemap: true,
      rolldownOptions: {
        input: { index: path.join(here, 'electron/preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: path.join(here, 'renderer'),
    html: { cspNonce: NONCE_PLACE },
    json,
    plugins: [noNode, react()],
    build: {
      outDir: path.join(here, 'out/renderer'),
      emptyOutDir: true,
      target: chromeTarget,
      minify: true,
      sourcemap: true,
      rolldownOptions: { input: path.join(here, 'renderer/index.html') },
    },
  },
})
