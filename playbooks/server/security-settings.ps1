# The certificate that workgroup proxies trust. Changes nothing.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$module = Join-Path $env:ProgramFiles 'Veeam/Backup365/Veeam.Archiver.PowerShell/Veeam.Archiver.PowerShell.psd1'
if (-not (Test-Path -LiteralPath $module)) {
    $module = 'Veeam.Archiver.PowerShell'
}
Import-Module $module
Connect-VBOServer
try {
    $settings = Get-VBOSecuritySettings
    $expires = ([DateTime]$settings.CertificateExpirationDate).ToUniversalTime().ToString('s') + 'Z'
    $answer = @{
        thumbprint = "$($settings.CertificateThumbprint)".ToUpperInvariant()
        subject = "$($settings.CertificateIssuedTo)"
        expires = $expires
    }
} finally {
    Disconnect-VBOServer
}
[Console]::Out.WriteLine(($answer | ConvertTo-Json -Compress))
