import type { MessagePort } from 'node:worker_threads'
import { serveThread } from '../../worker/thread.ts'
import { goAsOthers } from '../priority.ts'
import type { ListingCalls } from './messages.ts'
import type { ListedChunk } from './sync-walk.ts'
import { walkSync } from './sync-walk.ts'

/** The body of the thread that lists one place: one chunk for each that is asked for, and no more. */
export function runListingThread(port: MessagePort): void {
  goAsOthers()
  const walks = new Map<number, Generator<ListedChunk>>()
  serveThread<ListingCalls>(port, {
    begin({ listing, options }) {
      walks.set(listing, walkSync(options))
      return null
    },
    next(listing) {
      const walk = walks.get(listing)
      // The thread that has begun it has ended.
      if (walk === undefined) throw new Error('the listing is lost')
      const { value, done } = walk.next()
      return done || value === undefined ? null : value
    },
    end(listing) {
      walks.get(listing)?.return(undefined)
      walks.delete(listing)
      return null
    },
  })
}
