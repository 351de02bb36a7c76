import { isFiring } from '../incident.ts'
import { type Channel, type ChannelInput, type ChannelOutcome, inBytes, shorten } from './channel.ts'
import { post } from './http.ts'

/** Healthchecks stores at most this much of a ping's body. */
const MOST_BYTES = 10_000

/**
 * Sends a sign of life to a service such as Healthchecks. The service alerts people when the pings stop, so also when
 * this computer is down.
 * Pings report on schedule if there is a failure, in addition to the immediate notices.
 */
export const ping: Channel = {
  send({ notice, text }, given) {
    return sendPing(isFiring(notice) ? '/fail' : '', text, given)
  },
  beat: {
    everyMs: ({ every = '' }) => Number(every) * 60_000,
    async send(text, isFirst, given) {
      // Similar services do not support `/start`; its outcome is ignored, and the next ping counts.
      if (isFirst) await sendPing('/start', '', given)
      return text === null ? sendPing('', '', given) : sendPing('/fail', text, given)
    },
  },
}

function sendPing(step: '' | '/start' | '/fail', text: string, given: ChannelInput): Promise<ChannelOutcome> {
  const headers = { 'Content-Type': 'text/plain; charset=utf-8' }
  const body = shorten(text, MOST_BYTES, inBytes)
  return post({ url: buildAddress(given.secrets.url ?? '', step), headers, body }, given)
}

/**
 * Appends the step to the path of the check's address. An invalid address is returned unchanged and refused later.
 */
function buildAddress(url: string, step: string): string {
  if (!URL.canParse(url)) return url
  const address = new URL(url)
  address.pathname = address.pathname.replace(/\/+$/, '') + step
  return address.href
}
