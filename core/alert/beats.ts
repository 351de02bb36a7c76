import { isDeepStrictEqual } from 'node:util'
import type { Channel } from './channels/channel.ts'
import { channelOf } from './channels/kinds.ts'
import { type ChannelSettings, optionsOf } from './settings.ts'

export type Beat = NonNullable<Channel['beat']>

/** Keeps the timetable of channels that are told regularly that Holdfast lives (a dead-man's ping). */
export class Beats {
  readonly #send: (channel: ChannelSettings, send: Beat['send'], isFirst: boolean) => Promise<void>
  readonly #running = new Map<string, { channel: ChannelSettings; timer: NodeJS.Timeout }>()

  constructor(send: (channel: ChannelSettings, send: Beat['send'], isFirst: boolean) => Promise<void>) {
    this.#send = send
  }

  configure(channels: readonly ChannelSettings[]): void {
    for (const [id, { channel, timer }] of this.#running) {
      if (channels.some((one) => isDeepStrictEqual(one, channel))) continue
      clearInterval(timer)
      this.#running.delete(id)
    }
    for (const channel of channels) {
      const beat = channelOf(channel.type).beat
      if (beat === undefined || !channel.enabled || this.#running.has(channel.id)) continue
      const timer = setInterval(
        () => void this.#send(channel, beat.send, false),
        beat.everyMs(optionsOf(channel)),
      )
      this.#running.set(channel.id, { channel, timer })
      void this.#send(channel, beat.send, true)
    }
  }

  stop(): void {
    for (const { timer } of this.#running.values()) clearInterval(timer)
  }
}
