import type { MessagePort } from 'node:worker_threads'
import { errorCode, errorText } from '../../files/system-error.ts'
import { goAsOthers } from '../priority.ts'
import type { FromListing, ToListing } from './messages.ts'
import type { ListedChunk } from './sync-walk.ts'
import { walkSync } from './sync-walk.ts'

/** The body of the thread that lists one source's tree: one chunk for each that is asked for, and no more. */
export function runListingThread(port: MessagePort): void {
  goAsOthers()
  const walks = new Map<number, Generator<ListedChunk>>()
  port.on('message', (message: ToListing) => {
    const { listing } = message
    if (message.type === 'begin') walks.set(listing, walkSync(message.options))
    else if (message.type === 'end') {
      walks.get(listing)?.return(undefined)
      walks.delete(listing)
    } else {
      const walk = walks.get(listing)
      if (walk !== undefined) port.postMessage(step(listing, walk))
    }
  })
}

function step(listing: number, walk: Generator<ListedChunk>): FromListing {
  try {
    const { value, done } = walk.next()
    return done || value === undefined ? { type: 'done', listing } : { type: 'chunk', listing, ...value }
  } catch (thrown) {
    const reason = errorText(thrown)
    return { type: 'failed', listing, code: errorCode(thrown), reason }
  }
}
