import { hostname } from 'node:os'
import type { AgentHost } from '../core/agent/host.ts'
import { openLog } from '../core/agent/log.ts'
import { nodeWorkerStarter } from '../core/agent/node-starter.ts'
import { openDataDirectory } from '../core/settings/data-directory.ts'
import { nearestLanguage } from '../core/words/words.ts'
import { version } from './version.ts'

/** The agent's host without a desktop: plain Node processes, and notifications as lines in the terminal. */
export function terminalHost(dataDirectory: string, say: (line: string) => void): AgentHost {
  const log = openLog(openDataDirectory(dataDirectory).logs)
  return {
    kind: 'terminal',
    version,
    systemLanguage: nearestLanguage(process.env.LC_ALL ?? process.env.LC_MESSAGES ?? process.env.LANG ?? ''),
    computerName: hostname(),
    starter: nodeWorkerStarter((name) => new URL(`./workers/${name}.ts`, import.meta.url)),
    notify: ({ title, body }) => say(`${title}\n  ${body}`),
    log: (level, text) => log[level](text),
  }
}
