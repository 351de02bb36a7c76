#!/usr/bin/env node
// `npm start [-- DIRECTORY...]`: runs the application on a desktop; without a desktop, the same agent in the terminal,
// whose window is then a web page.
import { ensureBuilt, tryBuilding } from './setup/application.mjs'
import { commandScript } from './setup/command.mjs'
import { NoElectron } from './setup/electron.mjs'
import { absoluteWords, electronArguments, hasDisplay } from './setup/launch.mjs'
import { projectEnvironment } from './setup/node.mjs'
import { isProgram, projectDirectory, runMain, say } from './setup/project.mjs'
import { runInForeground } from './setup/run.mjs'
import { ensureSandbox } from './setup/sandbox.mjs'
import { setup } from './setup.mjs'

/**
 * @param {string[]} words
 * @param {{ node: string, electron: import('./setup/electron.mjs').Electron }} ready
 */
async function startWindow(words, { node, electron }) {
  if (!words.includes('--no-sandbox')) await ensureSandbox(electron)
  await ensureBuilt(node)
  const uid = process.getuid?.()
  if (uid === 0) {
    say(
      "Running as root: Chromium's sandbox is off (--no-sandbox). Run Holdfast as an ordinary user to have it on.",
    )
  }
  const environment = { ...process.env }
  // Set by the terminals of Electron-based editors: it would make this Electron a plain Node.js.
  delete environment.ELECTRON_RUN_AS_NODE
  return runInForeground(electron.executable, electronArguments(projectDirectory, words, uid), {
    env: environment,
  })
}

/**
 * @param {string[]} words
 * @param {string} why
 */
async function startInTerminal(words, why) {
  const { node } = await setup('terminal')
  say(`${why} Holdfast runs in this terminal. Ctrl-C ends it.`)
  const { script, isBuilt } = await commandScript(node)
  if (isBuilt && process.stdout.isTTY) await tryBuilding(node)
  const agent = [script, 'agent', ...(words.length > 0 ? ['--', ...words] : [])]
  return runInForeground(node, agent, { env: projectEnvironment() })
}

async function main() {
  process.env.HOLDFAST_COMMAND ??= 'npx holdfast'
  const words = absoluteWords(process.argv.slice(2))
  if (!hasDisplay()) return startInTerminal(words, 'There is no display:')
  try {
    return await startWindow(words, await setup('display'))
  } catch (thrown) {
    if (!(thrown instanceof NoElectron)) throw thrown
    return startInTerminal(words, thrown.message)
  }
}

if (isProgram(import.meta.url)) await runMain(main)
