# The certificate that workgroup proxies trust. Changes nothing.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

Import-Module Veeam.Archiver.PowerShell
Connect-VBOServer
try {
    $settings = Get-VBOSecuritySettings
    $expires = ([DateTime]$settings.CertificateExpirationDate).ToUniversalTime().ToString('yyyy-MM-ddTHH:mm:ss') + 'Z'
    $answer = @{
        thumbprint = "$($settings.CertificateThumbprint)".ToUpper()
        subject = "$($settings.CertificateIssuedTo)"
        expires = $expires
    }
} finally {
    Disconnect-VBOServer
}
[Console]::Out.WriteLine(($answer | ConvertTo-Json -Compress))
