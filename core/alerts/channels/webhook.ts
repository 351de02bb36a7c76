import { createHmac } from 'node:crypto'
import type { Channel } from './channel.ts'
import { buildPayload } from './facts.ts'
import { json, post } from './http.ts'

/**
 * Posts the facts as JSON (facts.ts). With a key, the header X-Holdfast-Signature contains `sha256=` and the
 * hexadecimal HMAC-SHA256 of the exact bytes of the body, so that the other end can verify the sender.
 */
export const webhook: Channel = {
  send(letter, given) {
    const { url = '', key = '' } = given.secrets
    const request = json(url, buildPayload(letter), { 'X-Holdfast-Delivery': letter.id })
    const signature = `sha256=${createHmac('sha256', key).update(request.body).digest('hex')}`
    const signed = { ...request.headers, 'X-Holdfast-Signature': signature }
    return post(key === '' ? request : { ...request, headers: signed }, given)
  },
}
