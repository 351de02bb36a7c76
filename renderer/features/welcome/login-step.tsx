import { type ReactNode, useEffect } from 'react'
import { useWords } from '../../words/context.tsx'
import { LoginSetting } from '../settings/login-setting.tsx'

interface LoginStepProps {
  /** The step has not been shown before: starting at login is switched on. */
  isFirst: boolean
  onShown: () => void
  nav: ReactNode
}

/** Has Holdfast started at login, unless the person switches it off here. */
export default function LoginStep({ isFirst, onShown, nav }: LoginStepProps) {
  const { t } = useWords()
  useEffect(onShown, [onShown])
  return (
    <>
      <p className="dimmed">{t('first.login.explain')}</p>
      <div className="card">
        <LoginSetting turnOn={isFirst} />
      </div>
      {nav}
    </>
  )
}
