import type { Sender, Senders } from '../../store/senders/senders.ts'
import type { AnswerWindow } from '../../store/session/answers.ts'

/** What all senders together get of this process's memory: each half of what is left, within limits. */
const MEMORY_BYTES = 256 * 1024 * 1024
const WINDOW_BYTES = { least: 2 * 1024 * 1024, most: 16 * 1024 * 1024 }
const WINDOW_FILES = 8192
/** Longer than a sender says nothing (ALIVE_EVERY_MS), shorter than another one waits for its welcome. */
const SIGN_OF_LIFE_MS = 6_000
const LOOK_MS = 100
/** Connections by which files are brought back: of one sender, and of all. */
const RESTORES_OF_ONE = 2
const RESTORES = 32

/** One connection of a sender that is let in. */
export interface ActiveConnection {
  /** When anything was heard of it for the last time, by the steady clock. */
  heardAt(): number
  /** Somebody else wants to be this sender, from this address. */
  onTwice(from: string): void
  /** It may send no longer. */
  drop(sender: Sender): void
  /** It is gone, though nobody has said so: another one of this sender has come. */
  replace(): void
  /** There are files that it should offer again. */
  want(): void
}

export interface ConnectionPlace {
  window: AnswerWindow
  leave(): void
}

/** The connections that are let in, by sender: one of each. */
export type Connected = ReturnType<typeof createConnected>

export function createConnected() {
  const places = new Map<string, { sender: Sender; guest: ActiveConnection; window: AnswerWindow }>()
  const restores = new Set<{ sender: Sender; guest: Pick<ActiveConnection, 'drop'> }>()
  const waiting = new Set<string>()

  /** Whether the one that is there gives a sign of life. */
  const isAlive = async (guest: ActiveConnection, isThere: () => boolean): Promise<boolean> => {
    const since = performance.now()
    while (isThere() && performance.now() - since < SIGN_OF_LIFE_MS) {
      if (guest.heardAt() > since) return true
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    }
    return false
  }

  const place = (sender: Sender, guest: ActiveConnection): ConnectionPlace => {
    const given = [...places.values()].reduce((sum, { window }) => sum + window.bytes, 0)
    const part = Math.floor((MEMORY_BYTES - given) / 2)
    const bytes = Math.max(WINDOW_BYTES.least, Math.min(WINDOW_BYTES.most, part))
    const mine = { sender, guest, window: { bytes, files: WINDOW_FILES } }
    places.set(sender.folder, mine)
    return {
      window: mine.window,
      leave() {
        if (places.get(sender.folder) === mine) places.delete(sender.folder)
      },
    }
  }

  return {
    /**
     * Lets a sender in. Where it is connected already, the first one is waited for: it may be gone and nobody knows yet.
     * null: it is alive, and both are told; or another one waits for this sender.
     */
    async enter(sender: Sender, from: string, guest: ActiveConnection) {
      const { folder } = sender
      const first = places.get(folder)
      if (first === undefined) return place(sender, guest)
      if (waiting.has(folder)) return null
      waiting.add(folder)
      try {
        if (await isAlive(first.guest, () => places.get(folder) === first)) {
          first.guest.onTwice(from)
          return null
        }
        const now = places.get(folder)
        // The first one has left, and another one has come, while this one waited.
        if (now !== undefined && now !== first) return null
        if (now === first) first.guest.replace()
        return place(sender, guest)
      } finally {
        waiting.delete(folder)
      }
    },
    /** Lets a sender in that wants files back, beside whatever it sends; null: there are too many. Returns what lets it out. */
    enterRestore(sender: Sender, guest: Pick<ActiveConnection, 'drop'>) {
      const own = [...restores].filter((one) => one.sender.folder === sender.folder)
      if (own.length >= RESTORES_OF_ONE || restores.size >= RESTORES) return null
      const mine = { sender, guest }
      restores.add(mine)
      return () => void restores.delete(mine)
    },
    /** Ends the connections of all that are not accepted any more. */
    dropRefused(senders: Pick<Senders, 'accepted' | 'known'>) {
      for (const { sender, guest } of [...places.values(), ...restores])
        if (senders.accepted(sender.fingerprint)?.folder !== sender.folder)
          guest.drop(senders.known(sender.fingerprint) ?? sender)
    },
    /** Tells all that there may be files to be offered again. */
    want() {
      for (const { guest } of places.values()) guest.want()
    },
    /** Folders of the senders that are connected: a folder is what a sender keeps for ever. */
    folders: () => new Set(places.keys()),
    get count() {
      return places.size
    },
  }
}
