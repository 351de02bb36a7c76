import { type Channel, shorten } from './channel.ts'
import { clampPause, classifyResponse, exchange, getField, json, tryParseJson } from './http.ts'

const MOST_CHARACTERS = 4_096

/** Sends a message by a Telegram bot. Without a parse mode, no character of a path has a special meaning. */
export const telegram: Channel = {
  async send(letter, given) {
    const { chat = '', endpoint = '' } = given.options
    const url = `${endpoint.replace(/\/+$/, '')}/bot${given.secrets.token ?? ''}/sendMessage`
    const text = shorten(letter.text, MOST_CHARACTERS)
    const body = { chat_id: chat, text, link_preview_options: { is_disabled: true } }
    const answer = await exchange(json(url, body), given)
    if ('did' in answer) return answer
    const outcome = classifyResponse(answer, given.secrets)
    // Telegram returns the requested pause in the body.
    const seconds = getField(getField(tryParseJson(answer.text), 'parameters'), 'retry_after')
    if (outcome.did !== 'retry' || typeof seconds !== 'number') return outcome
    return { ...outcome, afterMs: clampPause(seconds * 1000) }
  },
}
