import { errorText } from '../../files/system-error.ts'
import { message } from '../../words/message.ts'
import { englishWords } from '../../words/words.ts'
import type { AlertStore, StoreCalls } from './store.ts'

/** A store whose disk may refuse: what it does not take is told all the same. */
export class KeptStore {
  readonly #store: AlertStore
  readonly #log: (level: 'info' | 'warn', text: string) => void
  /** That the disk refuses is said once, and again when it is over. */
  isFailing = false

  constructor(store: AlertStore, log: (level: 'info' | 'warn', text: string) => void) {
    this.#store = store
    this.#log = log
  }

  /** null: its disk does not take or tell it. */
  async call<C extends keyof StoreCalls>(
    call: C,
    input: StoreCalls[C]['input'],
  ): Promise<StoreCalls[C]['output'] | null> {
    try {
      const output = await this.#store.call(call, input)
      if (this.isFailing) this.#log('info', englishWords(message('alert.kept')))
      this.isFailing = false
      return output
    } catch (thrown) {
      const reason = errorText(thrown)
      if (!this.isFailing) this.#log('warn', englishWords(message('alert.notKept', { reason })))
      this.isFailing = true
      return null
    }
  }
}
