import { onTestFinished } from 'vitest'
import { Agent } from '../../../core/agent/agent.ts'
import type { AgentHost } from '../../../core/agent/services.ts'
import type { StartedName } from '../../../core/agent/state/schema.ts'
import type { Shown } from '../../../core/alerts/render.ts'
import { englishWords } from '../../../core/lib/i18n/words.ts'
import type { ToWorker } from '../../../core/lib/workers/definition.ts'
import { createDataDirectory } from '../../../core/settings/data-directory.ts'
import type { SettingsStore } from '../../../core/settings/settings-store.ts'
import { temporaryDirectory } from '../temporary.ts'

interface FakeWorker {
  name: StartedName
  /** What the agent has said to it. */
  heard: ToWorker[]
  says(report: unknown): void
  /** Anything else that a worker says. */
  posts(message: unknown): void
}

/** An agent whose workers do nothing; `says` is what one of them says to it. */
export function fakeAgent(settings: SettingsStore, kind: AgentHost['kind'] = 'terminal') {
  const listeners = new Map<StartedName, (message: unknown) => void>()
  const started: FakeWorker[] = []
  const answering = new Set<StartedName>()
  const answers = new Map<string, unknown>()
  const logged: string[] = []
  const shown: Shown[] = []
  const withdrawn: string[] = []
  const agent = new Agent(
    createDataDirectory(temporaryDirectory()),
    settings,
    {
      kind,
      version: '1',
      systemLanguage: 'en',
      computerName: 'here',
      starter: {
        start: (name) => {
          const worker: FakeWorker = { name, heard: [], says: () => undefined, posts: () => undefined }
          started.push(worker)
          return {
            pid: () => null,
            post: (message) => {
              const told = message as ToWorker
              worker.heard.push(told)
              if (told.type !== 'request' || !(answering.has(name) || answers.has(told.name))) return
              const output = answers.get(told.name) ?? {}
              worker.posts({ type: 'response', id: told.id, output })
            },
            onMessage(listener) {
              listeners.set(name, listener)
              worker.posts = listener
              worker.says = (report) => listener({ type: 'report', report })
            },
            onExit: () => undefined,
            kill: () => undefined,
          }
        },
      },
      alertStoreThread: null,
      eventThread: null,
      reportThread: null,
      vault: () => null,
      page: () => null,
      notify: (one) => shown.push(one),
      withdraw: (about) => withdrawn.push(about),
    },
    (_level, text) => logged.push(text),
  )
  onTestFinished(() => void agent.stop())
  return {
    agent,
    logged,
    /** What it had shown on this computer, and taken back. */
    shown,
    withdrawn,
    /** These answer every request, with nothing in it. */
    answering,
    /** The outputs with which every worker answers requests of these names. */
    answers,
    /** Every process that was started, in that order. */
    started,
    notices: () => agent.store.state.notices.map(({ sentence }) => englishWords(sentence)),
    says: (worker: StartedName, report: unknown) => listeners.get(worker)?.({ type: 'report', report }),
  }
}
