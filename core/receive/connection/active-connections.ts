import type { Sender, Senders } from '../../store/senders/senders.ts'
import type { AnswerWindow } from '../../store/session/answers.ts'

/** Memory of this process for all senders together. Each sender gets half of the rest, within limits. */
const MEMORY_BYTES = 256 * 1024 * 1024
const WINDOW_BYTES = { least: 2 * 1024 * 1024, most: 16 * 1024 * 1024 }
const WINDOW_FILES = 8192
/**
 * Longer than the interval between a sender's frames (ALIVE_EVERY_MS), shorter than a new connection waits for its
 * welcome.
 */
const SIGN_OF_LIFE_MS = 6_000
const LOOK_MS = 100
/** Maximum number of restore connections: per sender, and in total. */
const RESTORES_OF_ONE = 2
const RESTORES = 32

/** An admitted connection of a sender. */
export interface ActiveConnection {
  /** Time of the last frame from it, by the monotonic clock. */
  heardAt(): number
  /** Called if another connection claims to be the same sender. `from`: its address. */
  onTwice(from: string): void
  /** Called when the sender is revoked. */
  drop(sender: Sender): void
  /** Called when a new connection of this sender replaces this one, which gave no sign of life. */
  replace(): void
  /** Called when there may be files that the sender should offer again. */
  want(): void
}

export interface ConnectionPlace {
  window: AnswerWindow
  leave(): void
}

/** The admitted connections: one for each sender. */
export type Connected = ReturnType<typeof createConnected>

export function createConnected() {
  const places = new Map<string, { sender: Sender; guest: ActiveConnection; window: AnswerWindow }>()
  const restores = new Set<{ sender: Sender; guest: Pick<ActiveConnection, 'drop'> }>()
  const waiting = new Set<string>()

  /** True if the existing connection gives a sign of life. */
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
     * Admits a sender. If it already has a connection, waits for a sign of life, as it may be dead. Returns null if it
     * is alive (both connections are then notified), or if another one already waits for this sender.
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
        // The first connection has left, and another one was admitted during the wait.
        if (now !== undefined && now !== first) return null
        if (now === first) first.guest.replace()
        return place(sender, guest)
      } finally {
        waiting.delete(folder)
      }
    },
    /** Admits a restore connection beside the sender's other one. Returns its release function; null: too many. */
    enterRestore(sender: Sender, guest: Pick<ActiveConnection, 'drop'>) {
      const own = [...restores].filter((one) => one.sender.folder === sender.folder)
      if (own.length >= RESTORES_OF_ONE || restores.size >= RESTORES) return null
      const mine = { sender, guest }
      restores.add(mine)
      return () => void restores.delete(mine)
    },
    /** Closes the connections of all senders that are no longer accepted. */
    dropRefused(senders: Pick<Senders, 'accepted' | 'known'>) {
      for (const { sender, guest } of [...places.values(), ...restores])
        if (senders.accepted(sender.fingerprint)?.folder !== sender.folder)
          guest.drop(senders.known(sender.fingerprint) ?? sender)
    },
    /** Notifies all connections that there may be files to offer again. */
    want() {
      for (const { guest } of places.values()) guest.want()
    },
    /** Folders of the connected senders. A sender's folder never changes. */
    folders: () => new Set(places.keys()),
    get count() {
      return places.size
    },
  }
}
