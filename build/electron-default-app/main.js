// Starts the application in the directory that is the first plain word of the command line, as the default app of an
// official Electron does for `electron DIRECTORY [ARGUMENT...]`.
//
// The import is awaited at top level on purpose: Electron delays its ready event until an ES module entry has been
// evaluated, so the application can still do what is only allowed before it (privileged schemes, the single-instance
// lock, command-line switches).
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { app as application } from 'electron'

/** Its types omit the methods for a default app. @type {import('electron').App & { setVersion(version: string): void, setAppPath(path: string): void }} */
const app = /** @type {any} */ (application)

const directory = process.argv.slice(1).find((word) => !word.startsWith('-'))

if (directory === undefined) {
  process.stdout.write(`v${process.versions.electron}\n`)
  app.exit(0)
} else {
  try {
    await start(path.resolve(directory))
  } catch (thrown) {
    // Otherwise Electron shows a dialog, which would block an unattended machine forever.
    process.stderr.write(
      `${directory} could not be started: ${thrown instanceof Error ? thrown.stack : thrown}\n`,
    )
    app.exit(1)
  }
}

/** @param {string} root */
async function start(root) {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  app.setName(manifest.productName ?? manifest.name)
  app.setVersion(manifest.version ?? '0.0.0')
  app.setDesktopName(manifest.desktopName ?? `${manifest.name}.desktop`)
  app.setAppPath(root)
  await import(pathToFileURL(path.join(root, manifest.main ?? 'index.js')).href)
}
