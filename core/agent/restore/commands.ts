import type { Agent } from '../agent.ts'
import { done } from '../answering.ts'
import type { CommandHandlers } from '../contract.ts'
import { MOST_FOUND } from './contract.ts'

/** The commands that look through destinations and bring files back. */
export function restoreCommandHandlers({ restores, settings }: Agent) {
  return {
    restoreComputers: (of) => restores.ask('computers', of, {}),
    async restoreFolders(of) {
      const { folders } = await restores.ask('folders', of, {})
      const known = new Set(settings.get().sources.map(({ id }) => id))
      const idOf = (source: string | null) => (source !== null && known.has(source) ? source : null)
      return { folders: folders.map(({ name, source }) => ({ name, source: idOf(source) })) }
    },
    restoreList: ({ destination, computer, ...asked }) =>
      restores.ask('list', { destination, computer }, asked),
    restoreSearch: ({ destination, computer, ...asked }) =>
      restores.ask('search', { destination, computer }, { ...asked, most: MOST_FOUND }),
    restoreVersions: ({ destination, computer, ...asked }) =>
      restores.ask('versions', { destination, computer }, asked),
    restoreStart: (input) => done(() => restores.start(input)),
    restoreReplace: () => done(() => restores.replace()),
    restoreStop: () => done(() => restores.stop()),
  } satisfies Partial<CommandHandlers>
}
