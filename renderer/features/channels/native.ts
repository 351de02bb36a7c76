import '../settings/without-eval.ts'

export { NATIVE } from '../../../core/alert/settings.ts'
