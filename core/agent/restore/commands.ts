import type { Agent } from '../agent.ts'
import type { CommandHandlers } from '../commands.ts'
import type { Outcome } from '../contract.ts'
import { MOST_FOUND } from './contract.ts'

type RestoreCommands =
  | 'restoreFolders'
  | 'restoreList'
  | 'restoreSearch'
  | 'restoreVersions'
  | 'restoreStart'
  | 'restoreStop'

/** The commands that look through destinations and bring files back. */
export function restoreCommandHandlers(
  { restores, settings }: Pick<Agent, 'restores' | 'settings'>,
  outcome: (act: () => void | Promise<void>) => Promise<Outcome>,
): Pick<CommandHandlers, RestoreCommands> {
  return {
    async restoreFolders({ destination }) {
      const { folders } = await restores.ask('folders', destination, {})
      const known = new Set(settings.get().sources.map(({ id }) => id))
      const idOf = (source: string | null) => (source !== null && known.has(source) ? source : null)
      return { folders: folders.map(({ name, source }) => ({ name, source: idOf(source) })) }
    },
    restoreList: ({ destination, ...asked }) => restores.ask('list', destination, asked),
    restoreSearch: ({ destination, ...asked }) =>
      restores.ask('search', destination, { ...asked, most: MOST_FOUND }),
    restoreVersions: ({ destination, ...asked }) => restores.ask('versions', destination, asked),
    restoreStart: (input) => outcome(() => restores.start(input)),
    restoreStop: () => outcome(() => restores.stop()),
  }
}
