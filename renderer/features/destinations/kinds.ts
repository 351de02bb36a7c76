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

interface KindWords {
  icon: typeof IconServer
  word: WordKey
  hint: WordKey
  /** The first field of its form. */
  firstField: WordKey
  /** Further texts that the search of settings finds. */
  texts?: readonly WordKey[]
}

/** Kinds that the user can add, the simplest first. */
const addableKinds = {
  receiver: {
    icon: IconServer,
    word: 'window.destinations.kind.receiver',
    hint: 'window.destinations.kind.receiverHint',
    firstField: 'window.destinations.field.host',
    texts: ['window.pair.code'],
  },
  folder: {
    icon: IconFolder,
    word: 'window.destinations.kind.folder',
    hint: 'window.destinations.kind.folderHint',
    firstField: 'window.destinations.field.path',
  },
  sftp: {
    icon: IconTerminal,
    word: 'window.destinations.kind.sftp',
    hint: 'window.destinations.kind.sftpHint',
    firstField: 'window.destinations.field.host',
    texts: ['window.destinations.field.key', 'window.destinations.knownHosts'],
  },
  s3: {
    icon: IconCloud,
    word: 'window.destinations.kind.s3',
    hint: 'window.destinations.kind.s3Hint',
    firstField: 'window.destinations.field.endpoint',
    texts: ['window.destinations.field.bucket', 'window.destinations.field.region'],
  },
  webdav: {
    icon: IconWorld,
    word: 'window.destinations.kind.webdav',
    hint: 'window.destinations.kind.webdavHint',
    firstField: 'window.destinations.field.url',
    texts: ['window.destinations.field.url'],
  },
} as const satisfies Partial<Record<Kind, KindWords>>

export type AddableKind = keyof typeof addableKinds
export const addable = Object.keys(addableKinds) as readonly AddableKind[]

/** The kinds of destinations, with icon, name and purpose. */
export const kinds: Record<Kind, Pick<KindWords, 'icon' | 'word' | 'hint'>> & Record<AddableKind, KindWords> =
  {
    embedded: {
      icon: IconDeviceDesktop,
      word: 'window.destinations.kind.embedded',
      hint: 'window.destinations.kind.embedded',
    },
    ...addableKinds,
  }

/** Returns the word for a destination's kind: a receiver may run on this very computer. */
export function getKindWord({ kind, elsewhere }: Pick<DestinationState, 'kind' | 'elsewhere'>): WordKey {
  return kind === 'receiver' && !elsewhere ? 'window.destinations.kind.receiverHere' : kinds[kind].word
}
