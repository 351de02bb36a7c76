import type { ReactNode } from 'react'
import { LoginSetting } from '../settings/login-setting.tsx'

export default function LoginStep({ nav }: { nav: ReactNode }) {
  return (
    <>
      <div className="card">
        <LoginSetting />
      </div>
      {nav}
    </>
  )
}
