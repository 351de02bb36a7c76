import { dropError } from '../../core/dropped-errors.ts'
import { type Message, message } from '../../core/lib/i18n/message.ts'
import { useCommands } from '../state/commands.tsx'

/** Returns the function that copies a text and shows the result, such as that its path is copied. */
export function useCopy() {
  const { tell } = useCommands()
  return async (text: string, done: Message = message('window.path.copied', { path: text })) => {
    if (await copyText(text)) tell('done', done)
    else tell('refused', message('window.path.notCopied', { path: text }))
  }
}

/**
 * Copies a text to the clipboard. A page without permissions may not use the clipboard API; the older command only
 * requires a user's click.
 */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch (error) {
    dropError(error, 'the selection is copied without the clipboard of the page')
    return copyBySelection(text)
  }
}

function copyBySelection(text: string): boolean {
  const focused = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  field.style.cssText = 'position: fixed; opacity: 0; inset: 0 auto auto 0'
  document.body.append(field)
  field.select()
  try {
    return document.execCommand('copy')
  } finally {
    field.remove()
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true })
  }
}
