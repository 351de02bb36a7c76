import { flushSync } from 'react-dom'

/** Renders a change synchronously, then focuses an element that it added: without flushSync it might not exist yet. */
export function focusAfter(change: () => void, find: () => HTMLElement | null | undefined): void {
  flushSync(change)
  find()?.focus()
}

/** Returns the first field of a form that is marked as invalid. */
export function firstInvalid(form: HTMLFormElement): HTMLElement | null {
  return form.querySelector<HTMLElement>('[aria-invalid="true"]')
}
