import { useCallback, useEffect, useState } from 'react'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import type { Entry, Folder, Found, Spot } from './browse.ts'

/** A computer's folder at a destination. */
export interface Whose {
  destination: string
  /** The folder of another computer; null for this computer's. */
  computer: string | null
}

/** A query: the directory of a spot, or files by a part of their names. */
export interface Wish extends Whose {
  spot: Spot
  /** '' to list the directory. */
  search: string
  /** Milliseconds since 1970; null: the current state. */
  at: number | null
  /** Finds the files that are missing on this computer, in the directory and below. */
  missingOnly: boolean
}

export interface Listing {
  folders: readonly Folder[]
  entries: readonly Entry[]
  found: readonly Found[]
  /** Number of files that a restore would have; null: unknown. */
  files: number | null
  /** Token of the next page; null after the last one. */
  next: string | null
  /** The search found more files than are listed. */
  isPart: boolean
}

export interface Looked {
  /** null until the first response. */
  listing: Listing | null
  failure: Message | null
  isBusy: boolean
  more: () => void
  again: () => void
}

const nothing: Listing = { folders: [], entries: [], found: [], files: null, next: null, isPart: false }

/** Sorts by name: pages of encrypted names arrive in the order of the encrypted ones. */
const inOrder = (entries: readonly Entry[]): Entry[] =>
  entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))

/** Lists files at a destination. A new query needs a new mount (key). */
export function useListing(wish: Wish): Looked {
  const { destination, computer, search, at, missingOnly } = wish
  const { folder, path } = wish.spot
  const bridge = useBridge()
  const [listing, setListing] = useState<Listing | null>(null)
  const [failure, setFailure] = useState<Message | null>(null)
  const [isBusy, setBusy] = useState(true)
  const [asked, setAsked] = useState<{ after: string | null; times: number }>({ after: null, times: 0 })

  const question = useCallback(
    async (after: string | null): Promise<Listing> => {
      if (search !== '' || missingOnly) {
        const { files: found, isPart } = await bridge.call('restoreSearch', {
          ...{ destination, computer, folder, text: search, at, missingOnly },
          directory: missingOnly ? path : '',
        })
        return { ...nothing, found, files: isPart ? null : found.length, isPart }
      }
      if (folder === null)
        return { ...nothing, ...(await bridge.call('restoreFolders', { destination, computer })) }
      return {
        ...nothing,
        ...(await bridge.call('restoreList', { destination, computer, folder, directory: path, at, after })),
      }
    },
    [bridge, destination, computer, folder, path, search, at, missingOnly],
  )

  useEffect(() => {
    let isOver = false
    const { after } = asked
    setBusy(true)
    setFailure(null)
    question(after)
      .then(
        (page) => {
          if (isOver) return
          setListing((before) =>
            before === null || after === null
              ? page
              : { ...page, entries: inOrder([...before.entries, ...page.entries]) },
          )
        },
        (error) => !isOver && setFailure(sentenceOfThrown(error)),
      )
      .finally(() => !isOver && setBusy(false))
    return () => {
      isOver = true
    }
  }, [question, asked])

  return {
    listing,
    failure,
    isBusy,
    more: () => setAsked(({ times }) => ({ after: listing?.next ?? null, times: times + 1 })),
    again: () => setAsked(({ after, times }) => ({ after, times: times + 1 })),
  }
}
