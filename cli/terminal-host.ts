import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import path from 'node:path'
import type { AgentHost } from '../core/agent/services.ts'
import { nodeWorkerStarter } from '../core/agent/workers/starter.ts'
import { quoteControls } from './terminal/quote-controls.ts'
import { terminalLanguage } from './terminal/terminal-language.ts'
import { version } from './version.ts'
import { workerScript } from './worker-script.ts'

/** Places of the built page: beside a packaged program, a build in a checkout, and its sources. */
const PAGES = ['./page', '../../renderer', '../out/renderer']

/** Returns the directory of the built page; null: it is not built. */
function findPage(): string | null {
  const places = PAGES.map((place) => path.join(import.meta.dirname, place))
  return places.find((place) => existsSync(path.join(place, 'index.html'))) ?? null
}

/** Returns the agent's host without a desktop: plain Node processes, and notifications as lines in the terminal. */
export function terminalHost(say: (line: string) => void): AgentHost {
  return {
    kind: 'terminal',
    version,
    systemLanguage: terminalLanguage(process.env),
    computerName: hostname() || 'Holdfast',
    starter: nodeWorkerStarter(workerScript),
    alertStoreThread: workerScript('alert-store-thread'),
    eventThread: workerScript('event-thread'),
    reportThread: workerScript('report-thread'),
    vault: () => null,
    page: findPage,
    // The body, such as a path, is one line below the title: a newline in a name must not add lines.
    notify: ({ title, body }) =>
      say(`${quoteControls(title)}\n  ${quoteControls(body.replaceAll('\n', ' · '))}`),
    // Printed lines cannot be withdrawn; the recovery is printed after them.
    withdraw: () => undefined,
  }
}
