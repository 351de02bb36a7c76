import { flushSync } from 'react-dom'

/** Makes a change of the page at once, then gives the focus to what it brought: never a frame too early. */
export function focusAfter(change: () => void, find: () => HTMLElement | null | undefined): void {
  flushSync(change)
  find()?.focus()
}

/** The first field of a form that is marked as wrong. */
export function firstInvalid(form: HTMLFormElement): HTMLElement | null {
  return form.querySelector<HTMLElement>('[aria-invalid="true"]')
}
