import type { DestinationState } from '../../../core/agent/state/schema.ts'
import { type DestinationKind, destinationKinds, getKind } from '../../../core/backends/kinds.ts'
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
}

/** Icons that differ from that of a server in a network. */
const icons: Partial<Record<DestinationKind, typeof IconServer>> = {
  receiver: IconServer,
  folder: IconFolder,
  sftp: IconTerminal,
  s3: IconCloud,
}

const toWords = (kind: DestinationKind): KindWords => ({
  icon: icons[kind] ?? IconWorld,
  word: `window.destinations.kind.${kind}`,
  hint: `window.destinations.kind.${kind}Hint`,
})

export type AddableKind = DestinationKind
/** Kinds that the user can add, the simplest first. */
export const addable: readonly AddableKind[] = destinationKinds

/** The kinds of destinations, with icon, name and purpose. */
export const kinds = {
  embedded: {
    icon: IconDeviceDesktop,
    word: 'window.destinations.kind.embedded',
    hint: 'window.destinations.kind.embedded',
  },
  ...Object.fromEntries(addable.map((kind) => [kind, toWords(kind)])),
} as Readonly<Record<Kind, KindWords>>

/** Returns the labels of the fields that a person fills in, in the order of the form. */
export const getFieldWords = (kind: AddableKind): readonly WordKey[] =>
  getKind(kind).fields.flatMap(({ name, isPresented }) =>
    isPresented === true ? [] : [`window.destinations.field.${name}` as WordKey],
  )

/** Returns the word for a destination's kind: a receiver may run on this very computer. */
export function getKindWord({ kind, elsewhere }: Pick<DestinationState, 'kind' | 'elsewhere'>): WordKey {
  return kind === 'receiver' && !elsewhere ? 'window.destinations.kind.receiverHere' : kinds[kind].word
}
