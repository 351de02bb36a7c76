import type { Channel } from './channel.ts'
import { post } from './http.ts'
import { shorten } from './shorten.ts'

/** LINE Notify's own address. The service ended on 2025-03-31, but other services accept its form. */
export const LINE_NOTIFY_ENDPOINT = 'https://notify-api.line.me/api/notify'

const MAX_NOTIFY_CHARACTERS = 1_000

/** Sends LINE Notify's form, as the read-only monitor did. */
export const lineNotify: Channel = {
  send({ text }, given) {
    const { options, secrets } = given
    const { endpoint = '' } = options
    return post(
      { url: endpoint, ...buildForm(secrets.token ?? '', shorten(text, MAX_NOTIFY_CHARACTERS)) },
      given,
    )
  },
}

function buildForm(token: string, message: string) {
  return {
    headers: { Authorization: `Bearer ${token}` },
    body: new URLSearchParams({ message, stickerPackageId: '1', stickerId: '3' }),
  }
}
