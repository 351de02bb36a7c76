export * as en from '../../../assets/locales/en/index.ts'
export * as 'zh-TW' from '../../../assets/locales/zh-TW/index.ts'
