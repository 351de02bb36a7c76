import { hostname } from 'node:os'
import type { AgentHost } from '../core/agent/host.ts'
import { nodeWorkerStarter } from '../core/agent/workers/node-starter.ts'
import { quoteControls } from './quote-controls.ts'
import { terminalLanguage } from './terminal-language.ts'
import { version } from './version.ts'
import { workerScript } from './worker-script.ts'

/** The agent's host without a desktop: plain Node processes, and notifications as lines in the terminal. */
export function terminalHost(say: (line: string) => void): AgentHost {
  return {
    kind: 'terminal',
    version,
    systemLanguage: terminalLanguage(process.env),
    computerName: hostname(),
    starter: nodeWorkerStarter(workerScript),
    vault: () => null,
    // What is below the sentence, as a path, follows it: a name that has a newline makes no line of its own.
    notify: ({ title, body }) =>
      say(`${quoteControls(title)}\n  ${quoteControls(body.replaceAll('\n', ' '))}`),
    // What a terminal has said stays said; the recovery follows it.
    withdraw: () => undefined,
  }
}
