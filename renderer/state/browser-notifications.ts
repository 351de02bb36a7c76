import { useLocalStorage, useWindowEvent } from '@mantine/hooks'
import { useState } from 'react'
import { dropError } from '../../core/dropped-errors.ts'

/** Why this browser shows no notifications of the page. */
export type Obstacle = 'insecure' | 'unsupported' | 'denied'

interface BrowserNotifications {
  /** The person has switched them on in this browser, which still allows them. */
  isOn: boolean
  /** null: none is known. */
  obstacle: Obstacle | null
  /** Asks the browser for its permission if necessary, and shows the example. */
  turnOn(example: { title: string; body: string }): Promise<void>
  turnOff(): void
}

/** The notifications of this browser, for all tabs of the page. */
export function useBrowserNotifications(): BrowserNotifications {
  const [isWanted, setWanted] = useLocalStorage({
    key: 'holdfast-notifications',
    defaultValue: false,
    getInitialValueInEffect: false,
  })
  const [obstacle, setObstacle] = useState(findObstacle)
  // The person may have changed the permission in the browser's settings.
  useWindowEvent('focus', () => setObstacle(findObstacle()))
  const turnOn: BrowserNotifications['turnOn'] = async ({ title, body }) => {
    const answer = await Notification.requestPermission()
    setObstacle(findObstacle())
    if (answer !== 'granted') return
    const isShown = showNotification({ tag: 'example', title, body, onClick: () => undefined })
    if (isShown) setWanted(true)
    else setObstacle('unsupported')
  }
  const isOn = isWanted && obstacle === null && Notification.permission === 'granted'
  return { isOn, obstacle, turnOn, turnOff: () => setWanted(false) }
}

function findObstacle(): Obstacle | null {
  if (!window.isSecureContext) return 'insecure'
  if (!('Notification' in window) || !('locks' in navigator)) return 'unsupported'
  return Notification.permission === 'denied' ? 'denied' : null
}

interface Shown {
  /** A notification with the same tag is replaced. */
  tag: string
  title: string
  body: string
  onClick(): void
}

/** Returns false if the browser shows notifications of service workers only, such as Chrome on Android. */
export function showNotification({ tag, title, body, onClick }: Shown): boolean {
  try {
    const notification = new Notification(title, { tag: `holdfast-${tag}`, body })
    notification.addEventListener('click', () => {
      window.focus()
      onClick()
      notification.close()
    })
    return true
  } catch (error) {
    return dropError(error, 'the row of the browser gives the reason', false)
  }
}
