import { useCallback, useEffect, useState } from 'react'
import type { Message } from '../../../core/lib/i18n/message.ts'
import { useBridge } from '../../state/bridge.tsx'
import { sentenceOfThrown } from '../../state/thrown.ts'
import type { Entry, Folder, Found, Spot } from './browse.ts'

/** Whose files at which destination. */
export interface Whose {
  destination: string
  /** Another computer's folder there; null: this computer's. */
  computer: string | null
}

/** What is asked of a destination: a spot's directory, or files by a part of their names. */
export interface Wish extends Whose {
  spot: Spot
  /** '': the directory. */
  search: string
}

export interface Listing {
  folders: readonly Folder[]
  entries: readonly Entry[]
  found: readonly Found[]
  /** The page after the last; null: that was all. */
  next: string | null
  /** There are more than were found. */
  isPart: boolean
}

export interface Looked {
  /** null until the first answer. */
  listing: Listing | null
  failure: Message | null
  isBusy: boolean
  more: () => void
  again: () => void
}

const nothing: Listing = { folders: [], entries: [], found: [], next: null, isPart: false }

/** Names that are hidden come in pages of another order. */
const inOrder = (entries: readonly Entry[]): Entry[] =>
  entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))

/** Asks what a destination has. For another wish mount anew (key). */
export function useListing({ destination, computer, spot: { folder, path }, search }: Wish): Looked {
  const bridge = useBridge()
  const [listing, setListing] = useState<Listing | null>(null)
  const [failure, setFailure] = useState<Message | null>(null)
  const [isBusy, setBusy] = useState(true)
  const [asked, setAsked] = useState<{ after: string | null; times: number }>({ after: null, times: 0 })

  const question = useCallback(
    async (after: string | null): Promise<Listing> => {
      if (search !== '') {
        const { files, isPart } = await bridge.call('restoreSearch', {
          destination,
          computer,
          folder,
          text: search,
        })
        return { ...nothing, found: files, isPart }
      }
      if (folder === null)
        return { ...nothing, ...(await bridge.call('restoreFolders', { destination, computer })) }
      return {
        ...nothing,
        ...(await bridge.call('restoreList', { destination, computer, folder, directory: path, after })),
      }
    },
    [bridge, destination, computer, folder, path, search],
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
