import type { DestinationState } from '../../../core/agent/state/schema.ts'
import type { WordKey } from '../../../core/lib/i18n/message.ts'
import {
  IconCloud,
  IconDeviceDesktop,
  IconFolder,
  IconServer,
  IconTerminal,
  IconWorld,
} from '../../ui/icons.ts'

type Kind = DestinationState['kind']

/** The kinds of destinations, with icon, name and purpose. */
export const kinds: Record<Kind, { icon: typeof IconServer; word: WordKey; hint: WordKey }> = {
  embedded: {
    icon: IconDeviceDesktop,
    word: 'window.destinations.kind.embedded',
    hint: 'window.destinations.kind.embedded',
  },
  receiver: {
    icon: IconServer,
    word: 'window.destinations.kind.receiver',
    hint: 'window.destinations.kind.receiverHint',
  },
  folder: {
    icon: IconFolder,
    word: 'window.destinations.kind.folder',
    hint: 'window.destinations.kind.folderHint',
  },
  sftp: {
    icon: IconTerminal,
    word: 'window.destinations.kind.sftp',
    hint: 'window.destinations.kind.sftpHint',
  },
  s3: { icon: IconCloud, word: 'window.destinations.kind.s3', hint: 'window.destinations.kind.s3Hint' },
  webdav: {
    icon: IconWorld,
    word: 'window.destinations.kind.webdav',
    hint: 'window.destinations.kind.webdavHint',
  },
}

/** Kinds that the user can add, the simplest first. */
export const addable = ['receiver', 'folder', 'sftp', 's3', 'webdav'] as const satisfies readonly Kind[]

/** Returns the word for a destination's kind: a receiver may run on this very computer. */
export function getKindWord({ kind, elsewhere }: Pick<DestinationState, 'kind' | 'elsewhere'>): WordKey {
  return kind === 'receiver' && !elsewhere ? 'window.destinations.kind.receiverHere' : kinds[kind].word
}
