import type {
  Bridge,
  CommandInput,
  CommandOutput,
  DesktopCommands,
  Events,
  HandlersFor,
  WindowCommands,
} from '../../core/agent/contract.ts'
import type { PageServer } from './page-server.ts'

/** The desktop's commands that a page has in its own way. It hides the controls of the others (`DesktopOnly`). */
export type PageHandlers = HandlersFor<
  Extract<
    keyof DesktopCommands,
    | 'chooseSource'
    | 'chooseCheckedPath'
    | 'choosePath'
    | 'saveKey'
    | 'saveReport'
    | 'saveManifest'
    | 'exportSettings'
    | 'readSettings'
    | 'saveDiagnostics'
    | 'showing'
  >
>

interface PageBridge extends Bridge {
  /** Shows an incident, as a click on a notification of the desktop does. */
  showIncident(incident: string): void
}

/** Returns the page's connection to the agent: that of the preload script, over HTTP. */
export function createPageBridge(server: PageServer, own: PageHandlers): PageBridge {
  const listeners = new Map<string, Set<(payload: never) => void>>()
  const emit = <E extends keyof Events>(event: E, payload: Events[E]) => {
    for (const listener of listeners.get(event) ?? []) listener(payload as never)
  }
  let end: (() => void) | null = null
  return {
    kind: 'page',
    call: async <C extends keyof WindowCommands>(command: C, input: CommandInput<C>) => {
      const handlers: Partial<Record<keyof WindowCommands, (input: never) => Promise<unknown>>> = own
      const answer = handlers[command]?.(input as never) ?? server.call(command, input)
      return (await answer) as CommandOutput<C>
    },
    on: (event, listener) => {
      const mine = listeners.get(event) ?? new Set()
      listeners.set(event, mine.add(listener))
      end ??= server.follow(
        (patch) => emit('patch', patch),
        () => emit('stale', {}),
      )
      return () => {
        mine.delete(listener)
        if ([...listeners.values()].some(({ size }) => size > 0)) return
        end?.()
        end = null
      }
    },
    pathOfDropped: () => '',
    showIncident: (incident) => emit('show', { page: 'alerts', incident }),
  }
}
